#include <stdio.h>

int main(void)
{
  puts("tcpstall " TCPSTALL_VERSION);
  return 2;
}
