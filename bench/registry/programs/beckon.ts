import { etcd, goKit } from '../../../dist/registries/etcd.js'
import { listen } from '../listener.ts'

await listen(
  (address, prefix, { changed }) =>
    new Promise((resolve) => {
      let known = false
      etcd({ endpoints: [address], layouts: [goKit({ prefix })] }).watch('bench', {
        update(all) {
          if (known) changed(all.size)
          else resolve(all.size)
          known = true
        },
        error(error) {
          throw error
        },
      })
    }),
)
