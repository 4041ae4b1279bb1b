/* The XML declaration. */
#ifndef IMP_XML_DECLARATION_H
#define IMP_XML_DECLARATION_H

#include "xml/scan.h"

/* Checks "<?xml …?>": version 1.x, encoding UTF-8 if given. Anything else that looks like it is restricted-xml,
   not-well-formed or unsupported-encoding. */
imp_xml_error imp_xml_check_declaration(const char *data, size_t len);

#endif
