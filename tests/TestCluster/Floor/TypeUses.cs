using System.Reflection;
using System.Reflection.Emit;

namespace TestCluster;

/// <summary>Every type that a type names: in its declaration, in the signatures of its members, and in their bodies.</summary>
internal static class TypeUses
{
    private const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<short, OpCode> Codes = typeof(OpCodes).GetFields()
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value);

    public static HashSet<Type> Of(Type type)
    {
        var uses = new HashSet<Type>();
        Add(type.BaseType, uses);
        foreach (var each in type.GetInterfaces())
            Add(each, uses);
        foreach (var field in type.GetFields(All))
            Add(field.FieldType, uses);
        foreach (var method in type.GetMethods(All).Concat<MethodBase>(type.GetConstructors(All)))
            AddMethod(method, uses);
        return uses;
    }

    private static void AddMethod(MethodBase method, HashSet<Type> uses)
    {
        Add((method as MethodInfo)?.ReturnType, uses);
        foreach (var parameter in method.GetParameters())
            Add(parameter.ParameterType, uses);
        if (method.GetMethodBody() is not { } body)
            return;
        foreach (var local in body.LocalVariables)
            Add(local.LocalType, uses);
        foreach (var clause in body.ExceptionHandlingClauses.Where(clause => clause.Flags == ExceptionHandlingClauseOptions.Clause))
            Add(clause.CatchType, uses);
        foreach (var token in Tokens(body.GetILAsByteArray()!))
            AddMember(Resolve(method, token), uses);
    }

    private static void AddMember(MemberInfo? member, HashSet<Type> uses)
    {
        Add(member as Type ?? member?.DeclaringType, uses);
        if (member is FieldInfo field)
            Add(field.FieldType, uses);
        if (member is MethodInfo { IsGenericMethod: true } generic)
            foreach (var argument in generic.GetGenericArguments())
                Add(argument, uses);
    }

    private static MemberInfo? Resolve(MethodBase method, int token)
    {
        var ofType = method.DeclaringType is { IsGenericType: true } type ? type.GetGenericArguments() : null;
        return method.Module.ResolveMember(token, ofType, method.IsGenericMethod ? method.GetGenericArguments() : null);
    }

    /// <summary>The operands that name a type, a method or a field.</summary>
    private static IEnumerable<int> Tokens(byte[] code)
    {
        for (var at = 0; at < code.Length;)
        {
            var value = code[at] == 0xFE ? unchecked((short)(0xFE00 | code[at + 1])) : code[at];
            at += Codes[value].Size;
            var operand = Codes[value].OperandType;
            if (operand is OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineType or OperandType.InlineTok)
                yield return BitConverter.ToInt32(code, at);
            at += operand switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(code, at)),
                _ => 4,
            };
        }
    }

    /// <summary>With all that it is made of: the elements of an array, the arguments of a generic type.</summary>
    private static void Add(Type? type, HashSet<Type> uses)
    {
        if (type is null || type.IsGenericParameter)
            return;
        if (type.HasElementType)
        {
            Add(type.GetElementType(), uses);
            return;
        }
        if (type.IsGenericType)
            foreach (var argument in type.GetGenericArguments())
                Add(argument, uses);
        uses.Add(type.IsGenericType ? type.GetGenericTypeDefinition() : type);
    }
}
