// A CouchDB in Node, on LevelDB files: what PouchDB replicates with.
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const PouchDB = require('pouchdb')
const express = require('express')
const couch = require('express-pouchdb')

const Stored = PouchDB.defaults({ prefix: `${process.argv[2]}/` })
const app = express()
app.use('/', couch(Stored, { mode: 'minimumForPouchDB', inMemoryConfig: true, logPath: `${process.argv[2]}/log.txt` }))
app.listen(0, '127.0.0.1', function () { process.send(this.address().port) })
