import '../beckon/server.ts'
