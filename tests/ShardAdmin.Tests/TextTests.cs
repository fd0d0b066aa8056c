using ShardAdmin.Output;
using ShardAdmin.Settings;
using ShardCore.Ring;

namespace ShardAdmin.Tests;

public sealed class TextTests
{
    [Theory]
    [InlineData("5", "5")]
    [InlineData("5-9", "5-9")]
    [InlineData("9-12,5,7,8", "5,7-12")]
    [InlineData("0-16383", "0-16383")]
    public void Slots_are_read_and_written_as_runs(string text, string written) => Assert.Equal(written, SlotText.Of(SlotText.Parse(text)!));

    [Theory]
    [InlineData("10.0.0.1:5432/app", "10.0.0.1", 5432, "app")]
    [InlineData("[::1]:5432/my db", "::1", 5432, "my db")]
    [InlineData("db-1.example.com:1/a/b", "db-1.example.com", 1, "a/b")]
    public void Addresses_are_read(string text, string host, int port, string database)
    {
        var address = ShardAddress.TryParse(text)!;
        Assert.Equal([new ShardHost(host, port)], address.Hosts);
        Assert.Equal(database, address.Database);
        Assert.Equal(text, address.ToString());
    }

    [Theory]
    [InlineData("500ms", 500)]
    [InlineData("30s", 30_000)]
    [InlineData("30", 30_000)]
    [InlineData("1.5m", 90_000)]
    [InlineData("2h", 7_200_000)]
    public void Durations_are_read(string text, double milliseconds)
    {
        Assert.True(Duration.TryParse(text, out var value));
        Assert.Equal(milliseconds, value.TotalMilliseconds);
    }
}
