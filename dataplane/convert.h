// From the configuration file to the core's configuration and the network's.
#pragma once
#include "client/config/config.h"
#include "dataplane/net.h"

// All but the boot: epoch 1's list, of the members that do not join later. For a member that does: as many members, of whom it is
// the first one; only the sizes count, its list comes with the state.
void dp_convert_core(const struct pnyx_config *, struct ep_config *ret);
// The member that this program is has to be added before it serves.
bool dp_convert_is_joiner(const struct pnyx_config *);
// The kernel's name for this boot, as 16 bytes: an arena from another boot is not trusted. False: the kernel does not say.
bool dp_convert_boot(uint8_t *id);
void dp_convert_net(const struct pnyx_config *, struct dp_net *ret);
