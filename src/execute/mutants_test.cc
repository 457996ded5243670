// Mutants and the power of inputs, through the reference process on a CPU.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "execute/mutants.h"
#include "execute/reference_client.h"
#include "execute/test_programs.h"

namespace drtriton {
namespace {

// A Program in the making: float32 unless said otherwise, shapes by hand.
class Builder {
 public:
  ValueId Input(Shape shape, DType dtype = DType::kFloat32) {
    const ValueId id = NewValue("in" + std::to_string(program_.inputs.size()), std::move(shape), dtype, ValueKind::kInput, -1);
    program_.inputs.push_back(id);
    return id;
  }
  ValueId Call(const std::string& op, AttrList args, Shape shape, DType dtype = DType::kFloat32) {
    const auto node = static_cast<int32_t>(program_.nodes.size());
    const ValueId id = NewValue("v" + std::to_string(node), std::move(shape), dtype, ValueKind::kNode, node);
    program_.nodes.push_back({op, std::move(args), {id}, ""});
    return id;
  }
  Program Finish(ValueId result) {
    program_.name = "mutated";
    program_.device = "cpu";
    program_.result.value = result;
    return program_;
  }

 private:
  ValueId NewValue(const std::string& name, Shape shape, DType dtype, ValueKind kind, int32_t node) {
    Value value;
    value.name = name;
    value.dtype = dtype;
    value.strides = ContiguousStrides(shape);
    value.shape = std::move(shape);
    value.kind = kind;
    value.node = node;
    program_.values.push_back(value);
    return static_cast<ValueId>(program_.values.size()) - 1;
  }

  Program program_;
};

Attr Ref(ValueId id) { return ValueRef{id}; }

std::vector<std::string> Changes(const Program& program) {
  std::vector<std::string> changes;
  for (const Mutant& mutant : MakeMutants(program)) changes.push_back(mutant.change + (mutant.rule.empty() ? "" : " [" + mutant.rule + "]"));
  return changes;
}

bool Contains(const std::vector<std::string>& list, const std::string& text) { return std::find(list.begin(), list.end(), text) != list.end(); }

TEST(MutantsTest, DropsSwapsAndChangesConstants) {
  Builder make;
  const ValueId x = make.Input({30, 8}), w = make.Input({8});
  const ValueId sum = make.Call("aten.add.Tensor", {Ref(x), Ref(w), 1}, {30, 8});
  const ValueId norm = make.Call("aten.layer_norm.default", {Ref(sum), Attr::Ints({8}), Ref(w), Attr(), 1e-5, false}, {30, 8});
  const auto changes = Changes(make.Finish(norm));
  for (const char* expected : {"add dropped", "add -> sub", "add alpha: 1 -> 2", "add dropped, its operand in1 kept, expanded", "layer_norm dropped", "layer_norm weight: tensor -> None", "layer_norm eps: 1e-05 -> 0.0001"}) {
    EXPECT_TRUE(Contains(changes, expected)) << expected;
  }
}

TEST(MutantsTest, ResultsKeepTheirForm) {
  Builder make;
  const ValueId x = make.Input({6, 4});
  const Program program = make.Finish(make.Call("aten.sum.dim_IntList", {Ref(x), Attr::Ints({1}), false, Attr()}, {6}));
  for (const Mutant& mutant : MakeMutants(program)) EXPECT_EQ(mutant.change, "sum -> mean");
}

TEST(MutantsTest, EqualOnesAreNamedByTheirRule) {
  Builder make;
  const ValueId x = make.Input({6, 5});
  const ValueId softmax = make.Call("aten.softmax.int", {Ref(x), 1, Attr()}, {6, 5});
  const ValueId relu = make.Call("aten.relu.default", {Ref(softmax)}, {6, 5});
  const ValueId shifted = make.Call("aten.add.Tensor", {Ref(relu), 0.5, 1}, {6, 5});
  const ValueId again = make.Call("aten.softmax.int", {Ref(shifted), 1, Attr()}, {6, 5});
  const ValueId index = make.Call("aten.argmax.default", {Ref(again), 1, false}, {6}, DType::kInt64);
  const auto changes = Changes(make.Finish(index));
  EXPECT_TRUE(Contains(changes, "relu dropped [relu of a non-negative value]"));
  EXPECT_TRUE(Contains(changes, "add dropped [a shift that normalisation removes]"));
  EXPECT_TRUE(Contains(changes, "add -> sub [a shift that normalisation removes]"));
  EXPECT_TRUE(Contains(changes, "softmax dropped [an increasing function whose order alone is read]"));
  EXPECT_TRUE(Contains(changes, "argmax -> argmin"));
}

TEST(MutantsTest, WhatShapesMakeVoidIsNoMutant) {
  Builder make;
  const ValueId x = make.Input({2, 3, 5});
  const ValueId part = make.Call("aten.narrow.default", {Ref(x), 1, 0, 3}, {2, 3, 5});
  const ValueId rolled = make.Call("aten.roll.default", {Ref(part), Attr::Ints({-3}), Attr::Ints({1})}, {2, 3, 5});
  const ValueId pooled = make.Call("aten.max_pool1d.default", {Ref(rolled), Attr::Ints({5}), Attr::Ints({2}), Attr::Ints({0}), Attr::Ints({1}), false}, {2, 3, 1});
  const ValueId sum = make.Call("aten.sum.dim_IntList", {Ref(pooled), Attr::Ints({2}), true, Attr()}, {2, 3, 1});
  const auto changes = Changes(make.Finish(sum));
  for (const char* change : {"narrow dropped", "roll dropped", "max_pool1d stride: [2] -> [3]", "max_pool1d stride: [2] -> [1]", "max_pool1d ceil_mode: False -> True", "sum -> mean", "sum dropped"}) {
    EXPECT_FALSE(Contains(changes, change)) << change;
  }
  EXPECT_TRUE(Contains(changes, "max_pool1d kernel_size: [5] -> [4]") || Contains(changes, "roll shifts: [-3] -> [-2]"));
}

TEST(MutantsTest, SignsAndOrdersThatNobodySees) {
  Builder make;
  const ValueId x = make.Input({6, 5});
  const ValueId negated = make.Call("aten.neg.default", {Ref(x)}, {6, 5});
  const ValueId squared = make.Call("aten.square.default", {Ref(negated)}, {6, 5});
  const ValueId flipped = make.Call("aten.flip.default", {Ref(squared), Attr::Ints({0})}, {6, 5});
  const auto changes = Changes(make.Finish(make.Call("aten.mean.default", {Ref(flipped), Attr()}, {})));
  EXPECT_TRUE(Contains(changes, "neg dropped [a sign that an even function removes]"));
  EXPECT_TRUE(Contains(changes, "flip dropped [an order that a reduction of everything does not see]"));
  EXPECT_TRUE(Contains(changes, "square dropped"));
}

TEST(MutantsTest, PartsThatAreReadAlone) {
  Builder make;
  const ValueId x = make.Input({6, 5}), y = make.Input({6, 5});
  const ValueId celu = make.Call("aten.celu.default", {Ref(x), 1.0}, {6, 5});
  const ValueId moved = make.Call("aten.flip.default", {Ref(celu), Attr::Ints({0})}, {6, 5});
  const ValueId sign = make.Call("aten.sign.default", {Ref(moved)}, {6, 5});
  const ValueId squared = make.Call("aten.square.default", {Ref(y)}, {6, 5});
  const ValueId both = make.Call("aten.logical_and.default", {Ref(sign), Ref(squared)}, {6, 5}, DType::kBool);
  const auto changes = Changes(make.Finish(both));
  EXPECT_TRUE(Contains(changes, "celu dropped [a function that keeps signs, of which the sign alone is read]"));
  EXPECT_TRUE(Contains(changes, "celu alpha: 1 -> 1.25 [a function that keeps signs, of which the sign alone is read]"));
  EXPECT_TRUE(Contains(changes, "square dropped [a function that keeps zeros, of which nothing else is read]"));
  EXPECT_TRUE(Contains(changes, "celu -> relu"));   // which is zero for negative numbers
  EXPECT_TRUE(Contains(changes, "logical_and -> logical_or"));
}

TEST(MutantsTest, OrdersAndDomains) {
  Builder make;
  const ValueId x = make.Input({6, 5});
  const ValueId soft = make.Call("aten.softplus.default", {Ref(x), 1.0, 20.0}, {6, 5});
  const ValueId turned = make.Call("aten.transpose.int", {Ref(soft), 0, 1}, {5, 6});
  const ValueId index = make.Call("aten.argmax.default", {Ref(turned), 1, false}, {5}, DType::kInt64);
  EXPECT_TRUE(Contains(Changes(make.Finish(index)), "softplus beta: 1 -> 1.25 [an increasing function whose order alone is read]"));
  Builder other;
  const ValueId y = other.Input({6, 5});
  const ValueId elu = other.Call("aten.elu.default", {Ref(y), 1.0, 1.0, 1.0}, {6, 5});
  const ValueId root = other.Call("aten.sqrt.default", {Ref(elu)}, {6, 5});
  const auto changes = Changes(other.Finish(root));
  EXPECT_TRUE(Contains(changes, "elu dropped [a rectifier before a function of positive numbers]"));
  EXPECT_TRUE(Contains(changes, "elu scale: 1 -> 1.25"));
  EXPECT_TRUE(Contains(changes, "elu -> relu"));
}

TEST(MutantsTest, CorrectionsBelowTheLastPlaces) {
  const auto changes = [](int64_t count, DType dtype) {
    Builder make;
    const ValueId x = make.Input({count}, dtype);
    return Changes(make.Finish(make.Call("aten.var.correction", {Ref(x), Attr(), 1, false}, {}, dtype)));
  };
  EXPECT_TRUE(Contains(changes(500, DType::kFloat16), "var correction: 1 -> 2 [a correction below the last places]"));
  EXPECT_TRUE(Contains(changes(100, DType::kFloat16), "var correction: 1 -> 2"));
  EXPECT_TRUE(Contains(changes(500, DType::kFloat32), "var correction: 1 -> 2"));
}

TEST(MutantsTest, WindowsThatReadTheSameAreVoid) {
  Builder make;
  const ValueId x = make.Input({2, 3, 5});
  const ValueId pooled = make.Call("aten.max_pool1d.default", {Ref(x), Attr::Ints({3}), Attr::Ints({3}), Attr::Ints({1}), Attr::Ints({2}), false}, {2, 3, 1});
  const auto changes = Changes(make.Finish(pooled));
  EXPECT_FALSE(Contains(changes, "max_pool1d kernel_size: [3] -> [4]"));   // the fourth element lies outside
  EXPECT_TRUE(Contains(changes, "max_pool1d padding: [1] -> [0]"));
}

class PowerTest : public testing::Test {
 protected:
  std::vector<MutantReport> Measure(const Program& program, PreparedProblem* prepared = nullptr) {
    Fragment fragment = WholeProgram(program);
    fragment.parent_inputs.clear();   // inputs are drawn
    PreparedProblem problem = client_.Prepare(fragment, 5);
    if (prepared != nullptr) *prepared = problem;
    return client_.MeasurePower(problem.id, 3600);   // as long as it takes
  }
  static void ExpectAllRejected(const std::vector<MutantReport>& reports) {
    EXPECT_FALSE(reports.empty());
    for (const MutantReport& report : reports) {
      if (report.outcome == "void") continue;
      EXPECT_EQ(report.outcome, report.rule.empty() ? "rejected" : "survived") << report.change << " by " << report.set << ", rule " << report.rule;
    }
  }

  ReferenceClient client_;
};

TEST_F(PowerTest, EveryMutantOfAnMlpIsRejected) {
  Builder make;
  const ValueId x = make.Input({32, 24}), w = make.Input({40, 24}), b = make.Input({40});
  const ValueId linear = make.Call("aten.linear.default", {Ref(x), Ref(w), Ref(b)}, {32, 40});
  const ValueId gelu = make.Call("aten.gelu.default", {Ref(linear), "none"}, {32, 40});
  const ValueId norm = make.Call("aten.layer_norm.default", {Ref(gelu), Attr::Ints({40}), Ref(b), Attr(), 1e-5, false}, {32, 40});
  ExpectAllRejected(Measure(make.Finish(make.Call("aten.mul.Tensor", {Ref(norm), 0.7}, {32, 40}))));
}

// Ties decide between > and >=: random numbers have none.
TEST_F(PowerTest, FurtherInputsAreChosenWhereTheStandardOnesAreWeak) {
  Builder make;
  const ValueId x = make.Input({500});
  PreparedProblem problem;
  ExpectAllRejected(Measure(make.Finish(make.Call("aten.gt.Scalar", {Ref(x), 0.5}, {500}, DType::kBool)), &problem));
  EXPECT_TRUE(problem.weak.empty());
  EXPECT_TRUE(Contains(problem.sets, "coarse"));
}

TEST_F(PowerTest, EqualMutantsSurviveAndNoOthers) {
  Builder make;
  const ValueId x = make.Input({20, 16});
  const ValueId exp = make.Call("aten.exp.default", {Ref(x)}, {20, 16});
  const ValueId abs = make.Call("aten.abs.default", {Ref(exp)}, {20, 16});
  const ValueId sum = make.Call("aten.sum.dim_IntList", {Ref(abs), Attr::Ints({1}), true, Attr()}, {20, 1});
  ExpectAllRejected(Measure(make.Finish(make.Call("aten.div.Tensor", {Ref(abs), Ref(sum)}, {20, 16}))));
}

// A pad of which the one padded column is read, and one of which a column of numbers is.
TEST_F(PowerTest, ElementsThatEndInTheSamePlacesMakeNoMutant) {
  const auto survivors = [&](int64_t column) {
    Builder make;
    const ValueId x = make.Input({6, 4});
    const ValueId padded = make.Call("aten.constant_pad_nd.default", {Ref(x), Attr::Ints({1, 2}), 0.5}, {6, 7});
    const ValueId part = make.Call("aten.narrow.default", {Ref(padded), 1, column, 1}, {6, 1});
    const ValueId cosine = make.Call("aten.cos.default", {Ref(part)}, {6, 1});
    std::vector<std::string> outcomes;
    for (const MutantReport& report : Measure(make.Finish(cosine))) {
      if (report.change == "constant_pad_nd pad: [1, 2] -> [2, 1]") outcomes.push_back(report.outcome);
    }
    return outcomes;
  };
  EXPECT_EQ(survivors(0), std::vector<std::string>{"void"});
  EXPECT_EQ(survivors(2), std::vector<std::string>{"rejected"});
}

// Zeros would pass on all but the largest inputs.
TEST_F(PowerTest, TrivialResultsGetTighterInputs) {
  Builder make;
  const ValueId x = make.Input({3000});
  const ValueId far = make.Call("aten.sub.Tensor", {Ref(x), 1000.0, 1}, {3000});
  PreparedProblem problem;
  Measure(make.Finish(make.Call("aten.relu.default", {Ref(far)}, {3000})), &problem);
  EXPECT_TRUE(Contains(problem.sets, "spread"));
  for (const std::string& sentence : problem.weak) EXPECT_EQ(sentence.find("zeros would pass"), std::string::npos) << sentence;
}

TEST_F(PowerTest, AResultThatTrivialValuesSatisfyIsReported) {
  Builder make;
  const ValueId x = make.Input({300});
  PreparedProblem problem;
  Measure(make.Finish(make.Call("aten.clone.default", {Ref(x), Attr()}, {300})), &problem);
  ASSERT_FALSE(problem.weak.empty());
  EXPECT_NE(problem.weak.front().find("a copy of input 0"), std::string::npos) << problem.weak.front();
}

// A clamp to one number takes all that x could show.
TEST_F(PowerTest, WhatNoInputsTellApartIsReported) {
  Builder make;
  const ValueId x = make.Input({64}), y = make.Input({64});
  const ValueId relu = make.Call("aten.relu.default", {Ref(x)}, {64});
  const ValueId nothing = make.Call("aten.clamp.default", {Ref(relu), 2.0, 2.0}, {64});
  PreparedProblem problem;
  const auto reports = Measure(make.Finish(make.Call("aten.add.Tensor", {Ref(nothing), Ref(y), 1}, {64})), &problem);
  EXPECT_TRUE(std::any_of(reports.begin(), reports.end(), [](const MutantReport& report) { return report.change == "relu dropped" && report.outcome == "survived"; }));
  ASSERT_FALSE(problem.weak.empty());
  EXPECT_NE(problem.weak.front().find("no inputs tell apart: relu"), std::string::npos) << problem.weak.front();
}

TEST_F(PowerTest, InputsLieAroundTheProgramsConstants) {
  Builder make;
  const ValueId x = make.Input({64});
  const ValueId clipped = make.Call("aten.threshold.default", {Ref(x), 40.0, 38.0}, {64});
  for (const MutantReport& report : Measure(make.Finish(clipped))) EXPECT_EQ(report.outcome, "rejected") << report.change;
}

TEST_F(PowerTest, TargetsThatALossIgnoresOccur) {
  Builder make;
  const ValueId x = make.Input({24, 2}), target = make.Input({24}, DType::kInt64);
  const ValueId loss = make.Call("aten.cross_entropy_loss.default", {Ref(x), Ref(target), Attr(), 1, -100, 0.0}, {});
  bool met = false;
  for (const MutantReport& report : Measure(make.Finish(loss))) {
    if (report.change.find("ignore_index") == std::string::npos) continue;
    met = true;
    EXPECT_EQ(report.outcome, "rejected") << report.change;
  }
  EXPECT_TRUE(met);
}

}  // namespace
}  // namespace drtriton
