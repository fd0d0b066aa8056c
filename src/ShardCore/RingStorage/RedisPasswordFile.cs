using StackExchange.Redis.Configuration;

namespace ShardCore.RingStorage;

/// <summary>The password of Redis, from a file. The client asks for it at each new connection.</summary>
internal sealed class RedisPasswordFile(string file) : DefaultOptionsProvider
{
    private string? _last;

    /// <summary>What the file has now. If it cannot be read at this moment, what it had before.</summary>
    public override string? Password
    {
        get
        {
            try
            {
                _last = File.ReadAllText(file).TrimEnd('\r', '\n');
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Whoever replaces it may be between two steps. Redis refuses a password that is too old.
            }
            return _last;
        }
    }
}
