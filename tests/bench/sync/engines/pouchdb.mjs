// PouchDB: revisions of documents on LevelDB files on both sides, replicated as CouchDB does.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { CONTACTS, CROWD, CROWD_ROWS, EDITS, LIVE_ROWS, check, contacts, inFolder, medianSeconds, seconds, tell, withServer } from './work.mjs'

const PouchDB = createRequire(import.meta.url)('pouchdb')
const BATCH = { batch_size: 5_000, batches_limit: 2 }

const withCouch = (folder, act) => withServer('./couch.mjs', folder, port => act(new PouchDB(`http://127.0.0.1:${port}/contacts`)))

async function fill(remote, count) {
  const rows = contacts(count)
  for (let start = 0; start < count; start += 5_000) {
    await remote.bulkDocs(rows.slice(start, start + 5_000).map(({ id, ...row }) => ({ _id: id, ...row })))
  }
}

async function edit(database, count, title) {
  const { rows } = await database.allDocs({ include_docs: true, limit: count })
  await database.bulkDocs(rows.map(row => ({ ...row.doc, job_title: title })))
}

async function countOf(database, title) {
  const { rows } = await database.allDocs({ include_docs: true })
  return rows.filter(row => !title || row.doc.job_title === title).length
}

await inFolder(folder => withCouch(folder, async remote => {
  await fill(remote, CONTACTS)
  const ann = new PouchDB(join(folder, 'ann'))
  tell('W1', await seconds(() => ann.replicate.from(remote, BATCH)))
  check((await ann.info()).doc_count === CONTACTS, 'all contacts are there')

  await edit(ann, EDITS, 'Head of purchasing')
  tell('W2', await seconds(() => ann.replicate.to(remote, BATCH)))

  const live = []
  for (let round = 0; round < 11; round++) {
    await edit(remote, LIVE_ROWS, `Live ${round}`)
    live.push(await seconds(() => ann.replicate.from(remote, BATCH)))
  }
  check(await countOf(ann, 'Live 10') === LIVE_ROWS, 'the live rows are there')
  tell('W3', live.sort((a, b) => a - b)[5])
}))

await inFolder(folder => withCouch(folder, async remote => {
  await fill(remote, CROWD_ROWS)
  const crowd = Array.from({ length: CROWD }, (_, n) => new PouchDB(join(folder, `device${n}`)))
  for (const device of crowd) await device.replicate.from(remote, BATCH)
  tell('W4', await medianSeconds(1, async round => {
    await edit(remote, CROWD_ROWS, `Crowd ${round}`)
    await Promise.all(crowd.map(device => device.replicate.from(remote, BATCH)))
  }))
  check(await countOf(crowd[CROWD - 1], 'Crowd 0') === CROWD_ROWS, 'the crowd has the rows')
}))
process.exit(0)
