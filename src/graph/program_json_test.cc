#include "graph/program_json.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "graph/test_programs.h"

namespace drtriton {
namespace {

TEST(AttrJsonTest, TextFormsOfTheFormat) {
  struct Case {
    Attr attr;
    const char* text;
  };
  const Case cases[] = {
      {Attr(), "null"},
      {true, "true"},
      {3, "3"},
      {2.5, "2.5"},
      {2.0, "2.0"},
      {1e300, "1e+300"},
      {std::numeric_limits<double>::infinity(), R"({"float":"inf"})"},
      {-std::numeric_limits<double>::infinity(), R"({"float":"-inf"})"},
      {std::numeric_limits<double>::quiet_NaN(), R"({"float":"nan"})"},
      {"none", R"({"str":"none"})"},
      {ValueRef{12}, R"({"v":12})"},
      {DType::kBFloat16, R"({"dtype":"bfloat16"})"},
      {Attr::Variant(DeviceAttr{"cuda:0"}), R"({"device":"cuda:0"})"},
      {Attr::Variant(LayoutAttr{"strided"}), R"({"layout":"strided"})"},
      {Attr::Variant(MemoryFormatAttr{"channels_last"}), R"({"memory_format":"channels_last"})"},
      {AttrList{1, AttrList{ValueRef{0}, Attr()}}, R"([1,[{"v":0},null]])"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(ToJson(c.attr).dump(), c.text);
    EXPECT_EQ(AttrFromJson(Json::parse(c.text)), c.attr) << c.text;
  }
}

TEST(AttrJsonTest, RefusesWhatIsNoAttribute) {
  for (const char* text : {R"({"v":-1})", R"({"v":1.5})", R"({"dtype":"float7"})", R"({"float":"big"})",
                           R"({"str":"a","v":1})", R"({})", R"("bare")", "18446744073709551615"}) {
    EXPECT_THROW(AttrFromJson(Json::parse(text)), UserError) << text;
  }
  Json deep = 1;
  for (int i = 0; i < 100; ++i) deep = Json::array({deep});
  EXPECT_THROW(AttrFromJson(deep), UserError);
}

TEST(ProgramJsonTest, RoundTrips) {
  Program program = LinearRelu();
  program.result.class_name = "collections:Pair";
  program.result.children[1].alias_of = 0;
  program.context.training = true;
  const Json json = ToJson(program);
  const Program again = ProgramFromJson(Json::parse(json.dump()));
  EXPECT_EQ(ToJson(again).dump(), json.dump());
}

TEST(ProgramJsonTest, DictArgumentsAndLiteralsRoundTrip) {
  Program program = LinearRelu();
  program.arguments = Tree{.kind = Tree::Kind::kDict,
                           .children = {Tree{.value = 0}, Tree{.kind = Tree::Kind::kLiteral, .literal = "mean"}},
                           .keys = {"x", "mode"}};
  const Json json = ToJson(program);
  EXPECT_EQ(json["arguments"].dump(), R"({"dict":[["x",{"value":0}],["mode",{"literal":{"str":"mean"}}]]})");
  EXPECT_EQ(ToJson(ProgramFromJson(json)).dump(), json.dump());
}

TEST(ProgramJsonTest, FragmentWithoutArgumentsRoundTrips) {
  Program program = LinearRelu();
  program.arguments = Tree{};
  EXPECT_EQ(ToJson(ProgramFromJson(ToJson(program))).dump(), ToJson(program).dump());
}

TEST(ProgramJsonTest, ErrorsNameTheMember) {
  struct Case {
    std::function<void(Json&)> damage;
    const char* mention;
  };
  const Case cases[] = {
      {[](Json& j) { j["format"] = "drtriton.program/9"; }, "program.format"},
      {[](Json& j) { j.erase("nodes"); }, "program.nodes is missing"},
      {[](Json& j) { j["values"][1]["dtype"] = "float7"; }, "program.values[1].dtype"},
      {[](Json& j) { j["values"][0]["shape"][1] = -3; }, "program.values[0].shape[1]"},
      {[](Json& j) { j["values"][0]["shape"] = 3; }, "program.values[0].shape is not an array"},
      {[](Json& j) { j["nodes"][0]["args"][0] = "x"; }, "program.nodes[0].args[0]"},
      {[](Json& j) { j["nodes"][0]["outputs"][0] = 1ll << 40; }, "program.nodes[0].outputs[0]"},
      {[](Json& j) {
         j["result"] = Json{{"set", 1}};
       },
       "program.result"},
      {[](Json& j) { j["values"][0]["name"] = "x y"; }, "'x y'"},
      {[](Json& j) { j = Json::array(); }, "not an object"},
  };
  for (const Case& c : cases) {
    Json json = ToJson(LinearRelu());
    c.damage(json);
    try {
      ProgramFromJson(json);
      ADD_FAILURE() << "accepted; expected: " << c.mention;
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find(c.mention), std::string::npos)
          << error.what() << " lacks: " << c.mention;
    }
  }
}

}  // namespace
}  // namespace drtriton
