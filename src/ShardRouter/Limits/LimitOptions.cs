using System.Globalization;

namespace ShardRouter.Limits;

/// <summary>
/// How much one caller, or one partition, may ask of this router, from the environment. 0: as much as it likes. Nobody but those who run
/// the service knows what is too much, so there is no limit unless they set one.
/// </summary>
public sealed record LimitOptions
{
    private const int Most = 1_000_000;

    /// <summary>SHARDING_CALLER_RATE: requests and batched operations a second of one API key, or of one subject of tokens.</summary>
    public int CallerRate { get; init; }

    /// <summary>SHARDING_CALLER_REQUESTS: requests of one API key or subject that are being answered at the same time.</summary>
    public int CallerRequests { get; init; }

    /// <summary>SHARDING_PARTITION_RATE: requests and batched operations a second on one partition key.</summary>
    public int PartitionRate { get; init; }

    /// <exception cref="FormatException">A variable cannot be used. The message names it and says what it may be.</exception>
    public static LimitOptions FromEnvironment(Func<string, string?> variable)
    {
        return new LimitOptions
        {
            CallerRate = Number("SHARDING_CALLER_RATE"),
            CallerRequests = Number("SHARDING_CALLER_REQUESTS"),
            PartitionRate = Number("SHARDING_PARTITION_RATE"),
        };

        int Number(string name)
        {
            if (variable(name) is not { Length: > 0 } text)
                return 0;
            return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value <= Most
                ? value
                : throw new FormatException($"{name} is '{text}'; it must be a whole number from 0 to {Most}.");
        }
    }
}
