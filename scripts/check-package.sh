#!/usr/bin/env bash
# Packs the library, installs the tarball into an empty folder with install scripts off, and uses it as a user would:
# from ESM, from CommonJS, and from the command line.
set -eu -o pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$root"
npm pack --silent --pack-destination "$folder" >/dev/null
tarball=$(ls "$folder"/*.tgz)
tar -tzf "$tarball" | sed 's,^package/,,' >"$folder/contents"
for unwanted in binding.gyp native/ test/ node_modules/; do
  if grep -q "^$unwanted" "$folder/contents"; then echo "the tarball contains $unwanted"; exit 1; fi
done
for wanted in dist/index.js dist/index.d.ts models/tidemerge-bolt-nano/model.safetensors prebuilds/ README.md CHANGELOG.md; do
  grep -q "^$wanted" "$folder/contents" || { echo "the tarball lacks $wanted"; exit 1; }
done

mkdir "$folder/app"
cd "$folder/app"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts "$tarball"
cat >use.mjs <<'END'
import { Forecaster } from 'tidemerge';
import { ChronosBoltModel, MeanScaleUniformBins } from 'tidemerge/models';
const forecaster = await Forecaster.fromPretrained('tidemerge-bolt-nano', { threads: 1 });
const result = await forecaster.predictQuantiles([Float32Array.from({ length: 96 }, (_, i) => Math.sin(i / 4))], { predictionLength: 12 });
if (result.shape.join() !== '1,12,9' || !result.quantiles.every(Number.isFinite)) throw new Error('ESM: unexpected result');
if (typeof ChronosBoltModel.load !== 'function' || typeof MeanScaleUniformBins !== 'function') throw new Error('tidemerge/models');
await forecaster.dispose();
END
cat >use.cjs <<'END'
const { Forecaster } = require('tidemerge');
(async () => {
  const forecaster = await Forecaster.fromPretrained('tidemerge-bolt-nano');
  const { kind, shape } = await forecaster.predict([[1, 2, 3, null, 5]], { predictionLength: 3 });
  if (kind !== 'quantiles' || shape.join() !== '1,9,3') throw new Error('CommonJS: unexpected result');
  await forecaster.dispose();
})();
END
node use.mjs
node use.cjs
npx --no-install tidemerge doctor
printf 'date,y\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n2024-01-04,2\n' >data.csv
test "$(npx --no-install tidemerge forecast data.csv --horizon 2 | wc -l)" -eq 3
echo "package: $(du -sh node_modules/tidemerge | cut -f1) installed, $(du -h "$tarball" | cut -f1) packed"
