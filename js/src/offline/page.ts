// Reads what a saved page carries: the block of docs/architecture.md, "The saved page".

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
}

/** base64 of deflated [uint32 length, JSON, buffers]. */
export async function readPage(text: string): Promise<SavedPage> {
  const packed = Uint8Array.from(atob(text.trim()), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = await new Response(stream).arrayBuffer();
  const length = new DataView(bytes).getUint32(0, true);
  const json = new TextDecoder().decode(new Uint8Array(bytes, 4, length));
  // The buffers begin wherever the JSON ends; copied, so that "aligned to 8" holds for them in memory too.
  const buffers = bytes.slice(4 + length);
  return JSON.parse(json, (_key, value) => {
    const place = value?.$buffer as [number, number] | undefined;
    return place ? new DataView(buffers, ...place) : value;
  }) as SavedPage;
}
