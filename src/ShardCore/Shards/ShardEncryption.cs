using Npgsql;

namespace ShardCore.Shards;

/// <summary>
/// How connections to shards are encrypted: PGSSLMODE and PGSSLROOTCERT, in the words of libpq. With a root certificate and no mode it is
/// verify-full, so nobody who names a certificate authority forgets to ask for it.
/// </summary>
/// <remarks>
/// Npgsql reads PGSSLROOTCERT itself, and PGPASSFILE likewise, both anew for each connection. So a changed file counts from the next
/// connection on, without a restart. Npgsql does not know PGSSLMODE.
/// </remarks>
public static class ShardEncryption
{
    private const string ModeVariable = "PGSSLMODE";
    private const string RootVariable = "PGSSLROOTCERT";

    private static readonly Dictionary<string, SslMode> Modes = new(StringComparer.Ordinal)
    {
        ["disable"] = SslMode.Disable,
        ["allow"] = SslMode.Allow,
        ["prefer"] = SslMode.Prefer,
        ["require"] = SslMode.Require,
        ["verify-ca"] = SslMode.VerifyCA,
        ["verify-full"] = SslMode.VerifyFull,
    };

    private static readonly Lazy<SslMode> OfProcess = new(() => FromEnvironment(Environment.GetEnvironmentVariable));

    /// <summary>The mode of this process. It is read when it is first needed: the type's initializer would hide the message.</summary>
    internal static SslMode Mode => OfProcess.Value;

    /// <exception cref="FormatException">A variable cannot be used. The message names it and says what it may be.</exception>
    public static SslMode FromEnvironment(Func<string, string?> variable)
    {
        var root = variable(RootVariable) is { Length: > 0 } file ? file : null;
        if (root is not null && !File.Exists(root))
            throw new FormatException($"{RootVariable} is '{root}'; there is no such file.");
        if (variable(ModeVariable) is not { Length: > 0 } text)
            return root is null ? SslMode.Prefer : SslMode.VerifyFull;
        return Modes.TryGetValue(text, out var mode)
            ? mode
            : throw new FormatException($"{ModeVariable} is '{text}'; it must be one of {string.Join(", ", Modes.Keys)}.");
    }
}
