// Reads native/sources.json for binding.gyp, which splits the output at white space.
//   node scripts/gyp-sources.cjs sources <key>         the paths of one list, from the package root
//   node scripts/gyp-sources.cjs list <key>            a list as it is, for example kernelFlags
//   node scripts/gyp-sources.cjs flags <arch> <set>    the flags of an instruction set
'use strict';

const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const table = JSON.parse(readFileSync(join(__dirname, '..', 'native', 'sources.json'), 'utf8'));
const [command, first, second] = process.argv.slice(2);

function words() {
  switch (command) {
    case 'sources':
      return table[first]?.map((path) => `native/${path}`);
    case 'list':
      return table[first];
    case 'flags':
      return table.sets[first]?.[second]?.flags;
  }
}

const result = words();
if (result === undefined) {
  console.error(`gyp-sources: nothing in native/sources.json for: ${process.argv.slice(2).join(' ')}`);
  process.exit(1);
}
console.log(result.join('\n'));
