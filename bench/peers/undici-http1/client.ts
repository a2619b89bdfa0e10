import { posting } from '../../harness/http1.ts'
import { setup } from '../../harness/peer.ts'

await posting(setup.address, '/hello')
