import { parseArgs } from 'node:util'
import { closeClient, createClient, type Middleware } from 'beckon'
import { roundRobin } from 'beckon/balancers/round-robin'
import { flags } from 'beckon/flags'
import { BookService } from '../gen/book_pb.ts'
import '../plain-errors.ts'

const { registry, client: settings, rest } = flags({ registryDefaults: 'layout=go-kit&prefix=/services/book/' })
parseArgs({ args: [...rest] }) // a flag that nobody knows is refused

// Around every call: once it has been answered, the context tells by whom.
const tellInstance: Middleware = (next) => async (request, context) => {
  const response = await next(request, context)
  console.log(`${context.method.name} answered by ${context.instance?.address}`)
  return response
}

const books = createClient(BookService, { registry, balancer: roundRobin(), middleware: [tellInstance], ...settings })

for (let i = 1; i <= 8; i++) {
  const { bookId, bookName } = await books.getBookInfo({ bookId: 1 })
  console.log(`  bookId: ${bookId} => bookName: ${bookName}`)
}

const { bookList } = await books.getBookList({ page: 1, limit: 10 })
for (const { bookId, bookName } of bookList) console.log(`  bookId: ${bookId} => bookName: ${bookName}`)

await closeClient(books)
await registry.close()
