// Rows as lines of tab-separated numbers on standard output; then the process ends. With PRINT_TOTALS set, only how many there
// are and what the second and third columns add up to, for measuring without the printing.
export const print = async (rows) => {
  let text = '';
  const flush = () => new Promise((done) => process.stdout.write(text, done));
  if (process.env.PRINT_TOTALS) {
    let count = 0, shallow = 0, retained = 0;
    for (const row of rows()) ++count, shallow += row[1], retained += row[2];
    text = `${count}\t${shallow}\t${retained}\n`;
  } else {
    for (const row of rows()) {
      text += row.join('\t') + '\n';
      if (text.length > 1 << 20) {
        await flush();
        text = '';
      }
    }
  }
  await flush();
  process.exit(0);
};
