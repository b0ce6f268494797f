// A server for the work on the pages: dist/ as the service serves it, and the API of a made-up world.
//   npm run build && npm run mock            (or `npm run dev` beside it)
// GET /mock?state=gone makes the API answer 503, ?state=late lets the pipeline lag, ?state=idle sends it nothing, ?state=well ends each.
import { readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

import { answer } from './answers.mjs'

const DIST = fileURLToPath(new URL('../../dist', import.meta.url))
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.json': 'application/json', '.md': 'text/markdown' }
const HEADERS = {
    'content-security-policy': "default-src 'self'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
}

const GONE = { title: 'Service Unavailable', status: 503, detail: 'ClickHouse at http://127.0.0.1:8123 does not answer. Start it, or correct `clickhouse.url`.' }

/** Starts the server on a port of 127.0.0.1 (0: a free one) and returns it. */
export async function start(port = 0) {
    const control = { state: 'well' }
    const server = createServer((request, response) => respond(request, response, control))
    await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
    return server
}

function respond(request, response, control) {
    const url = new URL(request.url, 'http://mock')
    const send = (status, type, body) => response.writeHead(status, { ...HEADERS, 'content-type': type, 'cache-control': 'no-store' }).end(body)
    if (url.pathname === '/mock') {
        control.state = url.searchParams.get('state') ?? 'well'
        return send(200, 'text/plain', control.state)
    }
    if (url.pathname === '/api/v1/live') return live(response, control)
    if (url.pathname.startsWith('/api/v1/')) {
        if (control.state === 'gone') return send(503, 'application/problem+json', JSON.stringify(GONE))
        const { status, body } = answer(url, control.state)
        const csv = url.searchParams.get('format') === 'csv'
        return send(status, csv ? 'text/csv' : status === 200 ? 'application/json' : 'application/problem+json', csv ? 'a,b\n' : JSON.stringify(body))
    }
    const path = extname(url.pathname) ? url.pathname : '/index.html'
    const file = join(DIST, normalize(path))
    if (!file.startsWith(DIST) || !statSync(file, { throwIfNoEntry: false })?.isFile()) return send(404, 'text/plain', 'not found')
    return send(200, TYPES[extname(file)] ?? 'application/octet-stream', readFileSync(file))
}

function live(response, control) {
    response.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.write('retry: 5000\n\n')
    const tick = () => {
        if (control.state === 'gone') return response.write(`event: problem\ndata: ${JSON.stringify(GONE)}\n\n`)
        response.write(`event: freshness\ndata: ${JSON.stringify(answer(new URL('http://mock/api/v1/freshness'), control.state).body)}\n\n`)
    }
    tick()
    const timer = setInterval(tick, 1000)
    response.on('close', () => clearInterval(timer))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const server = await start(Number(process.env.PORT ?? 9481))
    console.log(`http://127.0.0.1:${server.address().port}`)
}
