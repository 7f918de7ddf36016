// Turso: SQLite files on both sides, and the sync server of its own command line. Pages travel; the last push wins.
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { connect } from '@tursodatabase/sync'
import { CONTACTS, COLUMNS, CROWD, CROWD_ROWS, EDITS, LIVE_ROWS, check, contacts, inFolder, medianSeconds, seconds, tell } from './work.mjs'

const PUSHED_MAX = 10_000 // one push of 100,000 rows aborts the process
const TABLE = `CREATE TABLE contact (id TEXT PRIMARY KEY, ${COLUMNS.slice(1).join(', ')})`

async function freePort() {
  return new Promise(found => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => found(port))
    })
  })
}

async function serve(file, act) {
  const port = await freePort()
  const command = createRequire(import.meta.url).resolve('turso/src/index.js')
  const server = spawn(process.execPath, [command, file, '--sync-server', `127.0.0.1:${port}`], { stdio: 'ignore', detached: true })
  try {
    for (let tries = 0; ; tries++) {
      try {
        await fetch(`http://127.0.0.1:${port}/`)
        break
      } catch (error) {
        if (tries > 100) throw error
        await new Promise(done => setTimeout(done, 50))
      }
    }
    await act(`http://127.0.0.1:${port}`)
  } finally {
    process.kill(-server.pid)
  }
}

async function fill(db, count) {
  await db.exec(TABLE)
  const insert = await db.prepare(`INSERT INTO contact VALUES (${COLUMNS.map(() => '?').join(', ')})`)
  const rows = contacts(count)
  for (let start = 0; start < count; start += PUSHED_MAX) {
    await db.exec('BEGIN')
    for (const row of rows.slice(start, start + PUSHED_MAX)) await insert.run(...COLUMNS.map(column => row[column]))
    await db.exec('COMMIT')
    await db.push()
  }
}

const countOf = async (db, where = '1') => (await (await db.prepare(`SELECT count(*) n FROM contact WHERE ${where}`)).get()).n

async function edit(db, limit, title) {
  await db.exec(`UPDATE contact SET job_title = '${title}' WHERE id IN (SELECT id FROM contact ORDER BY id LIMIT ${limit})`)
}

await inFolder(folder => serve(join(folder, 'server.db'), async url => {
  const open = name => connect({ path: join(folder, name), url })
  const office = await open('office.db')
  await fill(office, CONTACTS)

  let ann
  let turn = 0
  tell('W1', await medianSeconds(3, async () => {
    ann = await open(`ann${turn++}.db`)
    check(await countOf(ann) === CONTACTS, 'all contacts are there')
  }))

  tell('W2', await (async () => {
    const ids = (await (await ann.prepare(`SELECT id FROM contact LIMIT ${EDITS}`)).all()).map(row => row.id)
    await ann.exec('BEGIN')
    const update = await ann.prepare('UPDATE contact SET job_title = ? WHERE id = ?')
    for (const id of ids) await update.run('Head of purchasing', id)
    await ann.exec('COMMIT')
    return seconds(() => ann.push())
  })())

  const bob = await open('bob.db')
  const live = []
  for (let round = 0; round < 11; round++) {
    await edit(office, LIVE_ROWS, `Live ${round}`)
    await office.push()
    live.push(await seconds(() => bob.pull()))
    check(await countOf(bob, `job_title = 'Live ${round}'`) === LIVE_ROWS, 'the live rows are there')
  }
  tell('W3', live.sort((a, b) => a - b)[5])
}))

await inFolder(folder => serve(join(folder, 'server.db'), async url => {
  const open = name => connect({ path: join(folder, name), url })
  const office = await open('office.db')
  await fill(office, 10_000)
  const crowd = []
  for (let n = 0; n < CROWD; n++) crowd.push(await open(`device${n}.db`))
  const taken = []
  for (let round = 0; round < 3; round++) {
    await edit(office, CROWD_ROWS, `Crowd ${round}`)
    await office.push()
    taken.push(await seconds(() => Promise.all(crowd.map(device => device.pull()))))
    check(await countOf(crowd[CROWD - 1], `job_title = 'Crowd ${round}'`) === CROWD_ROWS, 'the crowd has the rows')
  }
  tell('W4', taken.sort((a, b) => a - b)[1])
}))
process.exit(0)
