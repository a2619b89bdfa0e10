import { posting } from '../../harness/http1.ts'
import { setup } from '../../harness/peer.ts'

await posting(`${setup.tls ? 'https' : 'http'}://${setup.address}`, '/hello.Greeter/Hello')
