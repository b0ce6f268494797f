import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

import { sizeLimit } from './scripts/size.ts'

/** Where `npm run dev` finds the API: the mock server, or a service that runs. */
const api = process.env['ISOBAR_API'] ?? 'http://127.0.0.1:9481'

export default defineConfig({
    plugins: [svelte(), sizeLimit(150_000)],
    build: {
        target: 'es2022',
        // The content security policy is `default-src 'self'`: nothing may be a data: address.
        assetsInlineLimit: 0,
        modulePreload: { polyfill: false },
        license: { fileName: 'licences.md' },
    },
    server: { host: '127.0.0.1', proxy: { '/api': api } },
})
