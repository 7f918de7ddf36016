// The same work for every engine: rows like ours, and how a figure is told.
import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const CONTACTS = Number(process.env.CONTACTS ?? 100_000)
export const EDITS = Number(process.env.EDITS ?? 10_000)
export const LIVE_ROWS = 100
export const CROWD = Number(process.env.CROWD ?? 50)
export const CROWD_ROWS = 1_000

// Fourteen columns, those of our contact as it stands in a replica.
export const COLUMNS = ['id', 'account_id', 'outlet_id', 'revision', 'created_at', 'updated_at', 'created_by', 'name',
  'job_title', 'language', 'notes', 'custom', 'birthday', 'deleted_at']

export function contacts(count) {
  const outlets = Array.from({ length: 100 }, () => randomUUID())
  const accounts = Array.from({ length: 100 }, () => randomUUID())
  const at = 1_750_000_000_000
  return Array.from({ length: count }, (_, n) => ({
    id: randomUUID(), account_id: accounts[n % 100], outlet_id: outlets[n % 100], revision: 1, created_at: at, updated_at: at,
    created_by: null, name: `Contact number ${n}`, job_title: 'Buyer', language: 'en', notes: `Calls back on day ${n % 31}`,
    custom: '{}', birthday: null, deleted_at: null,
  }))
}

export async function seconds(act) {
  const start = process.hrtime.bigint()
  await act()
  return Number(process.hrtime.bigint() - start) / 1e9
}

export async function medianSeconds(rounds, act) {
  const taken = []
  for (let round = 0; round < rounds; round++) taken.push(await seconds(() => act(round)))
  return taken.sort((a, b) => a - b)[Math.floor(rounds / 2)]
}

export function tell(work, value) {
  console.log(JSON.stringify({ work, seconds: value }))
}

export function check(condition, what) {
  if (!condition) throw new Error(`not as expected: ${what}`)
}

export async function inFolder(act) {
  const folder = mkdtempSync(join(tmpdir(), 'outrider-peer-'))
  try {
    await act(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

// Runs a server as a process of its own, which sends its port when it listens.
export async function withServer(module, argument, act) {
  const server = fork(new URL(module, import.meta.url), [argument])
  try {
    await act(await new Promise((ready, failed) => server.once('message', ready).once('exit', failed)))
  } finally {
    server.removeAllListeners('exit')
    server.kill()
  }
}

// Runs the backend; `ask` posts to it.
export const withBackend = (folder, act) => withServer('./backend.mjs', join(folder, 'server.db'), port =>
  act(async (what, body) => {
    const reply = await fetch(`http://127.0.0.1:${port}/${what}`, { method: 'POST', body: JSON.stringify(body) })
    check(reply.ok, what)
    return reply.json()
  }))
