// An AF_XDP socket on a veth in a network namespace of the test's own: something that frames can be given to.
#pragma once

// Leaves this process in a new network namespace with such a socket. -1: refused; `why` says what was.
int xdp_test_socket(const char **why);
