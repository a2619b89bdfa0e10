// Tells an error that nobody caught in one line, without its stack.
process.on('uncaughtException', ({ message }) => {
  console.error(message)
  process.exit(1)
})
