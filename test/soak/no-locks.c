/* Files under NO_LOCKS_UNDER have no locks, as on a network file system without its lock service: for LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_under(int fd) {
  const char *under = getenv("NO_LOCKS_UNDER");
  char link[64], path[4096];
  if (!under) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  return length > 0 && strncmp(path, under, strlen(under)) == 0;
}

static int is_lock(int command) {
  return command == F_SETLK || command == F_SETLKW || command == F_GETLK || command == F_OFD_SETLK || command == F_OFD_SETLKW || command == F_OFD_GETLK;
}

static int refuse(void) {
  errno = getenv("NO_LOCKS_ERRNO") ? atoi(getenv("NO_LOCKS_ERRNO")) : ENOLCK;
  return -1;
}

int fcntl64(int fd, int command, ...) {
  static int (*real)(int, int, ...);
  va_list rest;
  va_start(rest, command);
  void *value = va_arg(rest, void *);
  va_end(rest);
  if (is_lock(command) && is_under(fd)) return refuse();
  if (!real) real = dlsym(RTLD_NEXT, "fcntl64");
  return real(fd, command, value);
}

int fcntl(int fd, int command, ...) {
  static int (*real)(int, int, ...);
  va_list rest;
  va_start(rest, command);
  void *value = va_arg(rest, void *);
  va_end(rest);
  if (is_lock(command) && is_under(fd)) return refuse();
  if (!real) real = dlsym(RTLD_NEXT, "fcntl");
  return real(fd, command, value);
}

int flock(int fd, int operation) {
  static int (*real)(int, int);
  if (is_under(fd)) return refuse();
  if (!real) real = dlsym(RTLD_NEXT, "flock");
  return real(fd, operation);
}
