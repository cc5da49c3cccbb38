// Decodes the arrays that Python sends. Twin of tracebench/widgets/wire.py; tests/fixtures/wire.json proves that they agree.

export type Values = Float32Array | Int32Array | Uint8Array | Uint16Array;
export type Coordinate = number | string;

const TYPES = { f4: Float32Array, i4: Int32Array, u1: Uint8Array, u2: Uint16Array };

/** An array in a tree before decoding: its bytes (in a trait), or an index into the buffers (in a message). */
interface Node {
  $array: DataView | number;
  dtype: keyof typeof TYPES;
  shape: number[];
  dims: string[];
  coords?: Record<string, Coordinate[]>;
  encoding: "plain" | "sqrt-u8" | "fixed-14";
}

/** The whole numbers that mean 1 in "sqrt-u8" and in "fixed-14". */
export const [BYTE, FIXED] = [2 ** 8 - 1, 2 ** 14 - 1];
const SQUARES = Float32Array.from({ length: BYTE + 1 }, (_, v) => (v / BYTE) ** 2);

/** The bounds of a number whose square root was rounded: half a step to each side. */
export function rootRange(value: number, half: number): [number, number] {
  return [Math.max(0, Math.sqrt(value) - half) ** 2, Math.min(1, Math.sqrt(value) + half) ** 2];
}

/** An array with named axes. Read it by coordinates (`layer: -1` is the embedding), not by offsets. */
export class LabeledArray {
  readonly #strides: number[];
  /** The coordinates of axes that do not count from 0. */
  readonly #offsets = new Map<string, Map<Coordinate, number>>();

  constructor(
    readonly values: Values,
    readonly dims: readonly string[],
    readonly shape: readonly number[],
    coords: Readonly<Record<string, readonly Coordinate[]>> = {},
  ) {
    this.#strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((size, length) => size * length, 1));
    for (const dim of dims) {
      const given = coords[dim];
      if (given) this.#offsets.set(dim, new Map(given.map((coordinate, offset) => [coordinate, offset])));
    }
  }

  /** The coordinates of an axis, in order. */
  coords(dim: string): Coordinate[] {
    const length = this.shape[this.dims.indexOf(dim)] ?? 0;
    return [...(this.#offsets.get(dim) ?? new Array(length)).keys()];
  }

  /** The numeric coordinates of an axis, in order: `layers = probs.numbers("layer")`. */
  numbers(dim: string): number[] {
    return this.coords(dim).map(Number);
  }

  /** The number at these coordinates; NaN if there is none. */
  at(where: Readonly<Record<string, Coordinate>>): number {
    return this.values[this.#offset(where)] ?? Number.NaN;
  }

  #offset(where: Readonly<Record<string, Coordinate>>): number {
    let offset = 0;
    for (const [axis, dim] of this.dims.entries()) {
      const coordinate = where[dim];
      if (coordinate === undefined) throw new Error(`no coordinate for axis ${dim} of [${this.dims.join(", ")}]`);
      offset += this.#along(dim, axis, coordinate) * (this.#strides[axis] ?? 1);
    }
    return offset;
  }

  /** The index of a coordinate on its axis; NaN if it is not there. Long axes get no lookup table. */
  #along(dim: string, axis: number, coordinate: Coordinate): number {
    const offsets = this.#offsets.get(dim);
    if (offsets) return offsets.get(coordinate) ?? Number.NaN;
    const isThere = Number.isInteger(coordinate) && Number(coordinate) >= 0 && Number(coordinate) < (this.shape[axis] ?? 0);
    return isThere ? Number(coordinate) : Number.NaN;
  }
}

/** Decodes the arrays of a tree. All else stays the same. */
export function decode(tree: unknown, buffers: readonly DataView[] = []): unknown {
  if (Array.isArray(tree)) return tree.map((each) => decode(each, buffers));
  if (tree === null || typeof tree !== "object" || ArrayBuffer.isView(tree)) return tree;
  if ("$array" in tree) return decodeArray(tree as Node, buffers);
  return Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, decode(value, buffers)]));
}

function decodeArray(node: Node, buffers: readonly DataView[]): LabeledArray {
  const bytes = typeof node.$array === "number" ? buffers[node.$array] : node.$array;
  if (!bytes) throw new Error(`buffer ${node.$array} is missing: ${buffers.length} came with the message`);
  const Type = TYPES[node.dtype];
  if (!Type) throw new Error(`unknown dtype ${node.dtype}`);
  const { byteOffset, byteLength } = bytes;
  // A typed array must start at a multiple of its element size, but a part of a message may start anywhere.
  const aligned = byteOffset % Type.BYTES_PER_ELEMENT === 0;
  const buffer = aligned ? bytes.buffer : bytes.buffer.slice(byteOffset, byteOffset + byteLength);
  const stored = new Type(buffer as ArrayBuffer, aligned ? byteOffset : 0, byteLength / Type.BYTES_PER_ELEMENT);
  return new LabeledArray(decodeValues(stored, node.encoding), node.dims, node.shape, node.coords);
}

function decodeValues(stored: Values, encoding: Node["encoding"]): Values {
  if (encoding === "plain") return stored;
  const values = new Float32Array(stored.length);
  if (encoding === "sqrt-u8") {
    for (let i = 0; i < values.length; i++) values[i] = SQUARES[stored[i] as number] as number;
    return values;
  }
  // All low bytes come first, then all high bytes.
  const bytes = new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
  for (let i = 0; i < values.length; i++) {
    values[i] = ((bytes[i] as number) + 256 * (bytes[values.length + i] as number)) / FIXED;
  }
  return values;
}
