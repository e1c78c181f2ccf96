// From the configuration file to the core's configuration and the network's.
#pragma once
#include "client/config/config.h"
#include "dataplane/net.h"

// All but the boot.
void dp_convert_core(const struct pnyx_config *, struct ep_config *ret);
// The kernel's name for this boot, as 16 bytes: an arena from another boot is not trusted. False: the kernel does not say.
bool dp_convert_boot(uint8_t *id);
void dp_convert_net(const struct pnyx_config *, struct dp_net *ret);
