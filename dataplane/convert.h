// From the configuration file to the core's configuration and the network's.
#pragma once
#include "client/config/config.h"
#include "dataplane/net.h"

void dp_convert_core(const struct pnyx_config *, struct ep_config *ret);
void dp_convert_net(const struct pnyx_config *, struct dp_net *ret);
