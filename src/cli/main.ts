#!/usr/bin/env node
/**
 * cli/ owns the command line: what a person types and reads. It refuses to know the wire and the
 * transport; it mounts the module on the in-memory host like any other program.
 */
import { runCommandLine } from './command-line.js'

// A reader that went away is no failure of ours, even after the last line.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => { if (error.code !== 'EPIPE') throw error })
}
process.exitCode = await runCommandLine(process.argv, {
  stdout: process.stdout, stderr: process.stderr, stdin: process.stdin, env: process.env,
})
