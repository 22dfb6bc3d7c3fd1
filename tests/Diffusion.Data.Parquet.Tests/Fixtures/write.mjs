// Writes the files beside it; see README.md.
import { DuckDBInstance } from '@duckdb/node-api'
import * as arrow from 'apache-arrow'
import { parquetWriteFile } from 'hyparquet-writer'
import pl from 'nodejs-polars'
import { unlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { crc32, deflateSync } from 'node:zlib'

const rust = createRequire(import.meta.url)('parquet-wasm')
const { Compression: C, Encoding: E, WriterVersion: V } = rust
const rows = 12
const note = JSON.stringify({ info: { features: { image: { _type: 'Image' }, label: { names: ['a', 'b'], _type: 'ClassLabel' } } } })

// Image i: 8 x 8 pixels of RGB, drawn again by ForeignParquetTests.
function png(i) {
  const lines = Buffer.alloc(8 * 25)
  for (let y = 0; y < 8; y++) {
    for (let x = 0; x < 8; x++) {
      lines.set([(37 * i + 8 * x) % 256, (i + 16 * y) % 256, (5 * i + x * y) % 256], 25 * y + 1 + 3 * x)
    }
  }
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data])
    const out = Buffer.alloc(body.length + 8)
    out.writeUInt32BE(data.length)
    body.copy(out, 4)
    out.writeUInt32BE(crc32(body), body.length + 4)
    return out
  }
  const head = Buffer.from([0, 0, 0, 8, 0, 0, 0, 8, 8, 2, 0, 0, 0])
  const begin = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10])
  return new Uint8Array(Buffer.concat([begin, chunk('IHDR', head), chunk('IDAT', deflateSync(lines)), chunk('IEND', Buffer.alloc(0))]))
}

// Every third path is null, and row 5 has no image; with 'dictionary' there are three images in all.
const repeat = name => name.includes('dictionary') ? 3 : rows
const path = i => i % 3 === 0 ? null : `${i}.png`
const images = (name, gap = true) => Array.from({ length: rows }, (_, i) => gap && i === 5 ? null : { bytes: png(i % repeat(name)), path: path(i) })
const labels = Array.from({ length: rows }, (_, i) => BigInt(i % 2))

function withRust(name, set) {
  const struct = new arrow.Struct([new arrow.Field('bytes', new arrow.Binary(), true), new arrow.Field('path', new arrow.Utf8(), true)])
  const table = new arrow.Table({ image: arrow.vectorFromArray(images(name), struct), label: arrow.vectorFromArray(labels, new arrow.Int64()) })
  const properties = set(new rust.WriterPropertiesBuilder().setKeyValueMetadata(new Map([['huggingface', note]]))).build()
  writeFileSync(name, rust.writeParquet(rust.Table.fromIPCStream(arrow.tableToIPC(table, 'stream')), properties))
}
withRust('rust-none.parquet', b => b.setCompression(C.UNCOMPRESSED).setDictionaryEnabled(false))
withRust('rust-snappy-dictionary.parquet', b => b.setCompression(C.SNAPPY))
withRust('rust-zstd-groups.parquet', b => b.setCompression(C.ZSTD).setMaxRowGroupSize(5))
withRust('rust-gzip-pages.parquet', b => b.setCompression(C.GZIP).setDictionaryEnabled(false).setDataPageSizeLimit(300).setWriteBatchSize(2))
withRust('rust-brotli.parquet', b => b.setCompression(C.BROTLI))
withRust('rust-lz4raw.parquet', b => b.setCompression(C.LZ4_RAW))
withRust('rust-snappy-v2.parquet', b => b.setCompression(C.SNAPPY).setWriterVersion(V.V2).setDictionaryEnabled(false).setEncoding(E.PLAIN))
withRust('rust-zstd-v2-dictionary.parquet', b => b.setCompression(C.ZSTD).setWriterVersion(V.V2))
withRust('refused-lz4.parquet', b => b.setCompression(C.LZ4))
withRust('refused-delta.parquet', b => b.setCompression(C.UNCOMPRESSED).setWriterVersion(V.V2).setDictionaryEnabled(false))

function withJavaScript(name, codec, rowGroupSize, required = false) {
  const optional = required ? 'REQUIRED' : 'OPTIONAL'
  parquetWriteFile({
    filename: name, codec, rowGroupSize, kvMetadata: [{ key: 'huggingface', value: note }],
    schema: [
      { name: 'root', num_children: 2 },
      { name: 'image', num_children: 2, repetition_type: optional },
      { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: optional },
      { name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
      { name: 'label', type: 'INT64', repetition_type: optional },
    ],
    columnData: [{ name: 'image', data: images(name, !required) }, { name: 'label', data: labels }],
  })
}
withJavaScript('js-snappy-groups.parquet', 'SNAPPY', 5)
withJavaScript('js-none-required.parquet', 'UNCOMPRESSED', rows, true)

const duck = await (await DuckDBInstance.create(':memory:')).connect()
async function withDuckDB(name, options) {
  const text = value => value === null ? 'NULL' : `'${value}'`
  const blob = bytes => `'${[...bytes].map(byte => '\\x' + byte.toString(16).padStart(2, '0')).join('')}'::BLOB`
  const values = images(name).map((image, i) => `(${i}, ${image === null ? 'NULL' : `{'bytes': ${blob(image.bytes)}, 'path': ${text(image.path)}}`}, ${i % 2}::BIGINT)`)
  const table = `(VALUES ${values.join(',')}) t(n, image, label)`
  await duck.run(`COPY (SELECT image::STRUCT(bytes BLOB, path VARCHAR) AS image, label FROM ${table} ORDER BY n) TO '${name}' (FORMAT parquet, KV_METADATA {huggingface: '${note}'}, ${options})`)
}
await withDuckDB('duckdb-snappy.parquet', 'COMPRESSION snappy')
await withDuckDB('duckdb-zstd-dictionary.parquet', 'COMPRESSION zstd')

// Polars has no binary columns in JavaScript, but reads and writes them; it writes no notes.
await withDuckDB('polars-zstd.parquet', 'COMPRESSION uncompressed')
const frame = pl.readParquet('polars-zstd.parquet')
unlinkSync('polars-zstd.parquet')
frame.writeParquet('polars-zstd.parquet', { compression: 'zstd' })
