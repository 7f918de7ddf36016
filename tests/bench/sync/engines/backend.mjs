// The server that WatermelonDB and RxDB leave to their users: rows in a durable SQLite file, numbered by the write that
// changed them, over plain HTTP. It checks conflicts by number and does nothing else, so it is faster than a product's.
import { createServer } from 'node:http'
import Database from 'better-sqlite3'
import { COLUMNS, contacts } from './work.mjs'

const db = new Database(process.argv[2])
db.pragma('journal_mode = WAL')
db.pragma('synchronous = FULL')
db.exec(`CREATE TABLE contact (id TEXT PRIMARY KEY, ${COLUMNS.slice(1).join(', ')}); CREATE INDEX by_revision ON contact (revision, id)`)
const insert = db.prepare(`INSERT INTO contact VALUES (${COLUMNS.map(column => `@${column}`).join(', ')})`)
const changed = db.prepare('SELECT * FROM contact WHERE (revision, id) > (?, ?) ORDER BY revision, id LIMIT ?')
const known = db.prepare('SELECT revision FROM contact WHERE id = ?')
const write = db.prepare(`UPDATE contact SET ${COLUMNS.slice(1).map(column => `${column} = @${column}`).join(', ')} WHERE id = @id`)
const touch = db.prepare('UPDATE contact SET job_title = ?, revision = ? WHERE id IN (SELECT id FROM contact ORDER BY id LIMIT ?)')
let head = 0

const acts = {
  fill: ({ count }) => {
    head++
    for (const row of contacts(count)) insert.run({ ...row, revision: head })
  },
  touch: ({ count, title }) => { touch.run(title, ++head, count) },
  pull: ({ since, id, limit }) => ({ rows: changed.all(since, id ?? '￿', limit ?? -1), head }),
  push: ({ rows, since }) => {
    const conflicts = rows.filter(row => known.get(row.id).revision > since).map(row => row.id)
    if (conflicts.length) return { conflicts }
    head++
    for (const row of rows) write.run({ ...row, revision: head })
    return { conflicts, head }
  },
}

createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
  const parts = []
  request.on('data', part => parts.push(part))
  request.on('end', () => {
    const act = acts[request.url.slice(1)]
    const reply = db.transaction(() => act(JSON.parse(Buffer.concat(parts))))()
    response.setHeader('Content-Type', 'application/json')
    response.end(JSON.stringify(reply ?? {}))
  })
}).listen(0, '127.0.0.1', function () { process.send(this.address().port) })
