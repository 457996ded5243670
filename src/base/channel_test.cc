#include "base/channel.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace drtriton {
namespace {

TEST(Channel, KeepsTheOrder) {
  Channel<int> channel;
  for (int i = 0; i < 3; ++i) channel.Push(i);
  channel.Close();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(channel.Pop(), i);
  EXPECT_EQ(channel.Pop(), std::nullopt);
}

TEST(Channel, CarriesWhatCanOnlyBeMoved) {
  Channel<std::unique_ptr<int>> channel;
  channel.Push(std::make_unique<int>(7));
  EXPECT_EQ(**channel.Pop(), 7);
}

TEST(Channel, ManyWritersAndReadersLoseNothing) {
  Channel<int> channel;
  std::vector<int> counts(4, 0);
  {
    std::vector<std::jthread> readers;
    for (int& count : counts) {
      readers.emplace_back([&channel, &count] {
        while (channel.Pop()) ++count;
      });
    }
    {
      std::vector<std::jthread> writers;
      for (int w = 0; w < 4; ++w) {
        writers.emplace_back([&channel] {
          for (int i = 0; i < 1000; ++i) channel.Push(i);
        });
      }
    }
    channel.Close();
  }
  EXPECT_EQ(counts[0] + counts[1] + counts[2] + counts[3], 4000);
}

TEST(ChannelTest, TryPopDoesNotWait) {
  Channel<int> channel;
  EXPECT_FALSE(channel.TryPop());
  channel.Push(1);
  channel.Close();
  EXPECT_EQ(channel.TryPop(), 1);
  EXPECT_FALSE(channel.TryPop());
}

}  // namespace
}  // namespace drtriton
