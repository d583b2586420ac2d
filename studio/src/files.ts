/** Files in a browser: as data URLs, and onto the disk. */

export function dataUrl(file: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

/** The file in a data URL. */
export function blobOf(url: string): Blob {
  const [, type, base64] = /^data:([^;,]*);base64,(.*)$/.exec(url)!;
  const bytes = Uint8Array.from(atob(base64!), (each) => each.charCodeAt(0));
  return new Blob([bytes], { type: type! });
}

/** Give a file to the user. */
export function save(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
