// Conversions answered from the store: the same module, options, device and versions give the file written before.
#ifndef DRTRITON_CLI_KEPT_CONVERSION_H_
#define DRTRITON_CLI_KEPT_CONVERSION_H_

#include <optional>
#include <string>

#include "cli/conversion.h"
#include "graph/program.h"
#include "store/store.h"

namespace drtriton {

struct KeptConversion {
  std::string emitted;   // text of the module file
  std::string outcome;   // the sentence shown to the user
  std::string json;      // the report in both forms
  std::string html;
};

// The key under which a conversion is kept: everything that its result depends on.
std::string ConversionKey(const ConvertArguments& arguments, const Program& program, const std::string& module_source,
                          const std::string& device_name);

std::optional<KeptConversion> FindConversion(Store& store, const std::string& key);
void KeepConversion(Store& store, const std::string& key, const KeptConversion& conversion);

}  // namespace drtriton

#endif  // DRTRITON_CLI_KEPT_CONVERSION_H_
