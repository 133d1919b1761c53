// Rows as lines of tab-separated numbers on standard output; then the process ends.
export const print = async (rows) => {
  let text = '';
  const flush = () => new Promise((done) => process.stdout.write(text, done));
  for (const row of rows()) {
    text += row.join('\t') + '\n';
    if (text.length > 1 << 20) {
      await flush();
      text = '';
    }
  }
  await flush();
  process.exit(0);
};
