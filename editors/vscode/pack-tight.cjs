// Loaded before vsce when the extension is packed: its zip library compresses with Node's own zlib, which makes the file with
// the server 3 % larger than gzip does. What gzip writes is the same stream between a header and a trailer.
const { spawnSync } = require('node:child_process');
const { Transform } = require('node:stream');
const zlib = require('node:zlib');

const HEADER_BYTES = 10;
const TRAILER_BYTES = 8;
const MAX_BYTES = 256 * 1024 * 1024;

class DeflateByGzip extends Transform {
  chunks = [];

  _transform(chunk, _encoding, done) {
    this.chunks.push(chunk);
    done();
  }

  _flush(done) {
    const options = { input: Buffer.concat(this.chunks), maxBuffer: MAX_BYTES };
    const gzip = spawnSync('gzip', ['-9', '--no-name', '--stdout'], options);
    if (gzip.status !== 0) return done(gzip.error ?? new Error(`gzip failed: ${gzip.stderr}`));
    this.push(gzip.stdout.subarray(HEADER_BYTES, -TRAILER_BYTES));
    return done();
  }
}

zlib.DeflateRaw = DeflateByGzip;
