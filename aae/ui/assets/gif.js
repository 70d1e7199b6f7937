// An animated GIF of grey images (GIF89a specification, CompuServe 1990): 256 greys, endless, compressed by LZW.

// frames: Uint8Array(width * height) of greys; delays in ms, one a frame; each pixel becomes scale x scale pixels.
export function encodeGif(frames, width, height, delays, scale = 1) {
  const bytes = [];
  const short = (value) => bytes.push(value & 255, value >> 8);
  const text = (string) => bytes.push(...[...string].map((character) => character.charCodeAt(0)));
  text("GIF89a");
  short(width * scale);
  short(height * scale);
  bytes.push(0xf7, 0, 0); // a palette of 256 for all frames
  for (let grey = 0; grey < 256; grey++) bytes.push(grey, grey, grey);
  bytes.push(0x21, 0xff, 11);
  text("NETSCAPE2.0");
  bytes.push(3, 1, 0, 0, 0); // again and again
  frames.forEach((frame, index) => {
    bytes.push(0x21, 0xf9, 4, 0);
    short(Math.round(delays[index] / 10));
    bytes.push(0, 0, 0x2c, 0, 0, 0, 0);
    short(width * scale);
    short(height * scale);
    bytes.push(0, 8); // no palette of its own; 8 bits a pixel
    const packed = lzw(enlarged(frame, width, height, scale));
    for (let start = 0; start < packed.length; start += 255) {
      const block = packed.slice(start, start + 255);
      bytes.push(block.length, ...block);
    }
    bytes.push(0);
  });
  bytes.push(0x3b);
  return new Uint8Array(bytes);
}

function enlarged(frame, width, height, scale) {
  const large = new Uint8Array(width * height * scale * scale);
  for (let i = 0; i < large.length; i++) {
    const row = Math.floor(i / (width * scale)), column = i % (width * scale);
    large[i] = frame[Math.floor(row / scale) * width + Math.floor(column / scale)];
  }
  return large;
}

// Variable-length codes of 9 to 12 bits, least significant bit first; 256 clears the table, 257 ends.
function lzw(pixels) {
  const CLEAR = 256, END = 257;
  const out = [];
  let held = 0, bits = 0, size = 9, next = END + 1;
  let table = new Map(); // prefix code * 256 + pixel -> code
  const put = (code) => {
    held |= code << bits;
    for (bits += size; bits >= 8; bits -= 8, held >>>= 8) out.push(held & 255);
  };
  put(CLEAR);
  let prefix = pixels[0];
  for (const pixel of pixels.subarray(1)) {
    const key = prefix * 256 + pixel, known = table.get(key);
    if (known !== undefined) {
      prefix = known;
      continue;
    }
    put(prefix);
    if (next === 4096) {
      put(CLEAR);
      [table, size, next] = [new Map(), 9, END + 1];
    } else {
      if (next === 1 << size) size++;
      table.set(key, next++);
    }
    prefix = pixel;
  }
  put(prefix);
  put(END);
  if (bits) out.push(held & 255);
  return out;
}
