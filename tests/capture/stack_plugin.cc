// A library that calls back. Built twice with another size of frame and the same code length: the second one, loaded in
// the first one's place, has the same addresses and other rules.
extern "C" void openclawPlugin(void (*function)(void*), void* data) {
  volatile char buffer[FRAME];
  buffer[0] = 1;
  function(data);
  buffer[0] = static_cast<char>(buffer[0] + 1);
}
