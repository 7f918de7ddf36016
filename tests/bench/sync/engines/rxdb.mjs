// RxDB in memory (its durable SQLite storage is sold, and the free one stops at 500 rows), and our backend as the server.
import { addRxPlugin, createRxDatabase } from 'rxdb/plugins/core'
import { getRxStorageMemory } from 'rxdb/plugins/storage-memory'
import { replicateRxCollection } from 'rxdb/plugins/replication'
import { RxDBUpdatePlugin } from 'rxdb/plugins/update'
import { Subject } from 'rxjs'
import { COLUMNS, CONTACTS, EDITS, LIVE_ROWS, check, inFolder, seconds, tell, withBackend } from './work.mjs'

addRxPlugin(RxDBUpdatePlugin)

const NUMBERS = new Set(['revision', 'created_at', 'updated_at', 'deleted_at'])
const BATCH = 10_000
const schema = {
  version: 0,
  primaryKey: 'id',
  type: 'object',
  properties: Object.fromEntries(COLUMNS.map(name => [name,
    name === 'id' ? { type: 'string', maxLength: 36 } : { type: [NUMBERS.has(name) ? 'number' : 'string', 'null'] }])),
}

let names = 0
async function device(ask) {
  const database = await createRxDatabase({ name: `device${names++}`, storage: getRxStorageMemory(), multiInstance: false })
  const { contact } = await database.addCollections({ contact: { schema } })
  const news = new Subject()
  const replication = replicateRxCollection({
    collection: contact,
    replicationIdentifier: 'backend',
    live: true,
    waitForLeadership: false,
    autoStart: false,
    pull: {
      batchSize: BATCH,
      stream$: news.asObservable(),
      handler: async (checkpoint, limit) => {
        const { rows } = await ask('pull', { since: checkpoint?.revision ?? 0, id: checkpoint?.id, limit })
        const last = rows.at(-1)
        return {
          documents: rows.map(row => ({ ...row, _deleted: false })),
          checkpoint: last ? { revision: last.revision, id: last.id } : checkpoint,
        }
      },
    },
    push: {
      batchSize: BATCH,
      handler: async changes => {
        const rows = changes.map(change => change.newDocumentState)
        const since = Math.max(...changes.map(change => change.assumedMasterState?.revision ?? 0))
        const { conflicts } = await ask('push', { rows, since })
        check(conflicts.length === 0, 'no conflicts')
        return []
      },
    },
  })
  replication.error$.subscribe(error => { throw error })
  const pull = async () => {
    news.next('RESYNC')
    await replication.awaitInSync()
  }
  return { contact, replication, pull }
}

const countOf = async (contact, selector = {}) => (await contact.find({ selector }).exec()).length

await inFolder(folder => withBackend(folder, async ask => {
  await ask('fill', { count: CONTACTS })
  const ann = await device(ask)
  tell('W1', await seconds(async () => {
    await ann.replication.start()
    await ann.replication.awaitInitialReplication()
  }))
  check(await countOf(ann.contact) === CONTACTS, 'all contacts are there')

  const rows = await ann.contact.find({ limit: EDITS, sort: [{ id: 'asc' }] }).exec()
  await ann.replication.pause()
  await ann.contact.bulkUpsert(rows.map(row => ({ ...row.toJSON(), job_title: 'Head of purchasing' })))
  tell('W2', await seconds(async () => {
    await ann.replication.start()
    await ann.replication.awaitInSync()
  }))

  const live = []
  for (let round = 0; round < 11; round++) {
    await ask('touch', { count: LIVE_ROWS, title: `Live ${round}` })
    live.push(await seconds(ann.pull))
    check(await countOf(ann.contact, { job_title: `Live ${round}` }) === LIVE_ROWS, 'the live rows are there')
  }
  tell('W3', live.sort((a, b) => a - b)[5])
}))

// W4 is not there: without its paid part, a process may have fourteen devices.
process.exit(0)
