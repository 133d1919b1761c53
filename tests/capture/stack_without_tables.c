/* C code without unwind tables: no walk gets past it. */
void openclawWithoutTables(void (*function)(void*), void* data) {
  volatile char buffer[100];
  buffer[0] = 1;
  function(data);
  buffer[0] = (char)(buffer[0] + 1);
}
