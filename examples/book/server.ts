import { parseArgs } from 'node:util'
import { createServer, RpcError } from 'beckon'
import { flags } from 'beckon/flags'
import { BookService } from '../gen/book_pb.ts'
import '../plain-errors.ts'

const { registry, server: settings, rest } = flags({ registryDefaults: 'layout=go-kit&prefix=/services/book/' })
parseArgs({ args: [...rest] }) // a flag that nobody knows is refused

const books = [
  { bookId: 1, bookName: '21天精通php' },
  { bookId: 2, bookName: '21天精通java' },
]

// A free port, unless --server_address says otherwise.
const server = createServer({ name: 'book.BookService', registry, address: '127.0.0.1:0', ...settings })

server.handle(BookService, {
  getBookInfo({ bookId }) {
    const book = books.find((one) => one.bookId === bookId)
    if (book === undefined) throw new RpcError('not_found', `no book ${bookId}`)
    return book
  },
  getBookList({ page, limit }) {
    const first = Math.max(0, page - 1) * limit
    return { bookList: books.slice(first, limit > 0 ? first + limit : undefined) }
  },
})

await server.start()
console.log(`${new Date().toISOString()} registered at ${server.registration?.instance.address} in ${registry.name}`)
