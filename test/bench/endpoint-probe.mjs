/** Preloaded into an endpoint under measurement: answers `cpu` and `memory` over the IPC channel, and ends with it. */
process.on('message', (word) => {
  if (word === 'memory') globalThis.gc?.()
  const { user, system } = process.cpuUsage()
  process.send(word === 'cpu' ? (user + system) / 1000 : { rss: process.memoryUsage.rss(), live: process.memoryUsage().heapUsed })
})
process.once('disconnect', () => process.exit(0))
// What is measured ends by itself.
process.channel.unref()
