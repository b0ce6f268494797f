// Writes the dashboards to a folder, `dashboards` by default.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { dashboards } from './dashboards.js';

const folder = process.argv[2] ?? 'dashboards';
mkdirSync(folder, { recursive: true });
for (const [name, content] of Object.entries(dashboards())) {
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(content, null, 2)}\n`);
}
