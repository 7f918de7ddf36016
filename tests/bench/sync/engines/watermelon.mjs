// WatermelonDB, with its SQLite adapter for Node on the device and our backend as the server.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { COLUMNS, CONTACTS, CROWD, CROWD_ROWS, EDITS, LIVE_ROWS, check, inFolder, medianSeconds, seconds, tell, withBackend } from './work.mjs'

const require = createRequire(import.meta.url)
const { Database, Model, Q, appSchema, tableSchema } = require('@nozbe/watermelondb')
const SQLiteAdapter = require('@nozbe/watermelondb/adapters/sqlite').default
const { synchronize } = require('@nozbe/watermelondb/sync')
require('@nozbe/watermelondb/utils/common/logger').default.silence()

const NUMBERS = new Set(['revision', 'created_at', 'updated_at', 'deleted_at'])
const schema = appSchema({
  version: 1,
  tables: [tableSchema({
    name: 'contact',
    columns: COLUMNS.slice(1).map(name => ({ name, type: NUMBERS.has(name) ? 'number' : 'string', isOptional: !name.endsWith('ated_at') })),
  })],
})
class Contact extends Model { static table = 'contact' }

function open(file) {
  const adapter = new SQLiteAdapter({ schema, dbName: file, onSetUpError: error => { throw error } })
  return new Database({ adapter, modelClasses: [Contact] })
}

const sync = (database, ask) => synchronize({
  database,
  sendCreatedAsUpdated: true,
  pullChanges: async ({ lastPulledAt }) => {
    const { rows, head } = await ask('pull', { since: lastPulledAt ?? 0 })
    return { changes: { contact: { created: [], updated: rows, deleted: [] } }, timestamp: head }
  },
  pushChanges: async ({ changes, lastPulledAt }) => {
    const rows = changes.contact.updated.map(raw => Object.fromEntries(COLUMNS.map(column => [column, raw[column] ?? null])))
    const { conflicts } = await ask('push', { rows, since: lastPulledAt })
    check(conflicts.length === 0, 'no conflicts')
  },
})

const table = database => database.get('contact')
const countOf = (database, ...where) => table(database).query(...where).fetchCount()

await inFolder(folder => withBackend(folder, async ask => {
  await ask('fill', { count: CONTACTS })
  let ann
  let turn = 0
  tell('W1', await medianSeconds(1, async () => {
    ann = open(join(folder, `ann${turn++}.db`))
    await sync(ann, ask)
  }))
  check(await countOf(ann) === CONTACTS, 'all contacts are there')

  const rows = await table(ann).query(Q.take(EDITS)).fetch()
  await ann.write(() => ann.batch(rows.map(row => row.prepareUpdate(() => row._setRaw('job_title', 'Head of purchasing')))))
  tell('W2', await seconds(() => sync(ann, ask)))

  const live = []
  for (let round = 0; round < 11; round++) {
    await ask('touch', { count: LIVE_ROWS, title: `Live ${round}` })
    live.push(await seconds(() => sync(ann, ask)))
    check(await countOf(ann, Q.where('job_title', `Live ${round}`)) === LIVE_ROWS, 'the live rows are there')
  }
  tell('W3', live.sort((a, b) => a - b)[5])
}))

await inFolder(folder => withBackend(folder, async ask => {
  await ask('fill', { count: 10_000 })
  const crowd = Array.from({ length: CROWD }, (_, n) => open(join(folder, `device${n}.db`)))
  for (const device of crowd) await sync(device, ask)
  tell('W4', await medianSeconds(3, async round => {
    await ask('touch', { count: CROWD_ROWS, title: `Crowd ${round}` })
    await Promise.all(crowd.map(device => sync(device, ask)))
  }))
  check(await countOf(crowd[CROWD - 1], Q.where('job_title', 'Crowd 2')) === CROWD_ROWS, 'the crowd has the rows')
}))
process.exit(0)
