/**
 * Loaded before the program of a process that the demo starts (`node --import`): when the demo is gone, however it went, so is the process.
 */
process.once('disconnect', () => process.exit())
