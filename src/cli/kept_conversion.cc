#include "cli/kept_conversion.h"

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/versions.h"
#include "graph/program_json.h"

namespace drtriton {
namespace {

// Raised when conversions of an older program should be made anew.
constexpr int kConversionVersion = 1;

}  // namespace

std::string ConversionKey(const ConvertArguments& arguments, const Program& program, const std::string& module_source,
                          const std::string& device_name) {
  Json key;
  key["conversion"] = kConversionVersion;
  key["program"] = ToJson(program);
  key["source"] = module_source;
  key["device"] = device_name;
  key["training"] = arguments.training;
  key["strict"] = arguments.strict;
  key["rewrites"] = arguments.rewrites;
  key["split_fp32"] = arguments.split_fp32;
  key["max_autotune"] = arguments.max_autotune;
  key["keep"] = arguments.keep;
  key["budget_s"] = arguments.budget_s;
  key["seed"] = arguments.seed;
  key["versions"] = kVersions;
  return Sha256(key.dump());
}

std::optional<KeptConversion> FindConversion(Store& store, const std::string& key) {
  std::optional<std::string> record = store.Find(RecordKind::kConversion, key);
  if (!record) return std::nullopt;
  Json json = Json::parse(*record, nullptr, /*allow_exceptions=*/false);
  for (const char* member : {"emitted", "outcome", "json", "html"}) {
    if (!json.is_object() || !json.contains(member) || !json[member].is_string()) return std::nullopt;
  }
  return KeptConversion{json["emitted"], json["outcome"], json["json"], json["html"]};
}

void KeepConversion(Store& store, const std::string& key, const KeptConversion& conversion) {
  Json record{{"emitted", conversion.emitted}, {"outcome", conversion.outcome}, {"json", conversion.json},
              {"html", conversion.html}};
  store.Keep(RecordKind::kConversion, key, record.dump());
}

}  // namespace drtriton
