/* The server's certificate: given, or made and kept. */
#ifndef ECHO_CERTIFICATE_H
#define ECHO_CERTIFICATE_H

#include <imp/imp.h>

#include "options.h"

/*
 * Gives the node its certificate: that of --cert and --key, else DIR/certificate.pem and DIR/key.pem, which are made
 * (ECDSA P-256, valid two years, for the domain and localhost) if they are not there, have expired or are for another
 * domain. May be called again while the server runs. Returns 0; a failure is said on the terminal.
 */
int echo_certificate_load(imp_node *node, const echo_options *options);

#endif
