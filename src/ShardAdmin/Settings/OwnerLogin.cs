namespace ShardAdmin.Settings;

/// <summary>
/// A login that may be the owner of the schema (docs/adr/0026-rights-in-postgres.md): indexes are built with it. Nothing else is done with
/// it.
/// </summary>
/// <param name="password">Null: <paramref name="passwordFile"/> has it.</param>
/// <param name="passwordFile">Read for each new connection (docs/adr/0025-tls-and-secrets-from-files.md).</param>
internal sealed class OwnerLogin(string user, string? password, string? passwordFile)
{
    private string? _last;

    public string User => user;

    /// <summary>Null: PGPASSWORD or the password file of Postgres has it.</summary>
    public Func<string>? Password => password is null && passwordFile is null ? null : () => password ?? FromFile();

    /// <returns>Null: SHARDING_OWNER_USER is not set, and the ordinary login is used.</returns>
    public static OwnerLogin? From(AdminProcess process)
    {
        if (process.Variable("SHARDING_OWNER_USER") is not { Length: > 0 } user)
            return null;
        return new OwnerLogin(user, Given("SHARDING_OWNER_PASSWORD"), Given("SHARDING_OWNER_PASSWORD_FILE"));

        string? Given(string name) => process.Variable(name) is { Length: > 0 } value ? value : null;
    }

    /// <summary>
    /// What the file has now. If it cannot be read at this moment, what it had before: whoever replaces it may be between two steps.
    /// </summary>
    private string FromFile()
    {
        try
        {
            _last = File.ReadAllText(passwordFile!).TrimEnd('\r', '\n');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Postgres refuses a password that is too old, or none.
        }
        return _last ?? "";
    }
}
