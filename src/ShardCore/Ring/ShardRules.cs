namespace ShardCore.Ring;

/// <summary>What a shard's address and weight must look like, for the ring document and for people's input alike.</summary>
public static class ShardRules
{
    /// <returns>A sentence about the first broken rule, or null when the shard is well-formed.</returns>
    public static string? FirstViolation(Shard shard)
    {
        if (shard.Host.Length is 0 or > 253 || shard.Host.Any(c => !(char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or ':')))
            return $"Shard {shard.Id} has the host '{shard.Host}', which is neither a host name nor an IP address.";
        if (shard.Port is < 1 or > 65_535)
            return $"Shard {shard.Id} has the port {shard.Port}; a port is 1…65535.";
        if (shard.Database.Length is 0 or > 63 || shard.Database.Any(char.IsControl))
            return $"Shard {shard.Id} has the database name '{shard.Database}'; a name is 1…63 characters.";
        return shard.Weight is < 1 or > Shard.MaxWeight
            ? $"Shard {shard.Id} has the weight {shard.Weight}; a weight is 1…{Shard.MaxWeight}."
            : null;
    }
}
