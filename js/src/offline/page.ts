// Reads the data block of a saved page. The format is in docs/wire.md, "The saved page".

export interface SavedWidget {
  esm: string | null;
  css: string | null;
  state: Record<string, unknown>;
}

export interface SavedPage {
  root: string;
  widgets: Record<string, SavedWidget>;
  code: Record<string, string>;
  baked: Record<string, unknown>;
  title: string;
  format?: number;
}

/** The newest format of the block that this reader knows. Twin of `FORMAT` in tracebench/offline/page.py. */
const FORMAT = 2;

/** Inflates one of the parts beside the block. */
export type Chunks = (number: number) => Promise<unknown>;

export function chunksOf(document: Document): Chunks {
  return async (number) => {
    const text = document.getElementById(`tracebench-chunk-${number}`)?.textContent;
    if (!text) throw new Error(`the page has no part ${number}`);
    return await readBlock(text);
  };
}

export async function readPage(text: string): Promise<SavedPage> {
  const page = (await readBlock(text)) as SavedPage;
  const { format = 1 } = page;
  if (format > FORMAT) {
    throw new Error(
      `the page has format ${format}, but this reader knows formats up to ${FORMAT}: save it with a newer tracebench`,
    );
  }
  return page;
}

/** base64 of deflated [uint32 length, JSON, buffers]. */
async function readBlock(text: string): Promise<unknown> {
  const bytes = await inflated(bytesOf(text.trim()));
  const length = new DataView(bytes).getUint32(0, true);
  const json = new TextDecoder().decode(new Uint8Array(bytes, 4, length));
  // The buffers begin where the JSON ends, at any offset. Copy them, so that they are aligned to 8 in memory too.
  const buffers = bytes.slice(4 + length);
  return JSON.parse(json, (_key, value) => {
    const place = value?.$buffer as [number, number] | undefined;
    return place ? new DataView(buffers, ...place) : value;
  });
}

/** Writes to the stream directly: piping a blob takes ten times as long, and a click waits for it. */
async function inflated(packed: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  const { readable, writable } = new DecompressionStream("deflate");
  const writer = writable.getWriter();
  // The reading side reports what is wrong with the bytes.
  const written = writer.write(packed).then(() => writer.close());
  const [bytes] = await Promise.all([new Response(readable).arrayBuffer(), written]);
  return bytes;
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
