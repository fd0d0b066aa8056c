namespace ShardCore.Ring;

/// <summary>A Postgres server.</summary>
/// <param name="Name">A host name or an IP address.</param>
/// <param name="Port">1…65535.</param>
public readonly record struct ShardHost(string Name, int Port)
{
    /// <summary><c>10.0.0.1:5432</c>, IPv6 as <c>[::1]:5432</c>.</summary>
    public override string ToString() => Name.Contains(':', StringComparison.Ordinal) ? $"[{Name}]:{Port}" : $"{Name}:{Port}";
}
